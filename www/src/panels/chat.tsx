import { type FormEvent, useEffect, useMemo, useRef, useState } from "react";
import { useTabwire } from "tabwire/react";
import { linesAhead, type ShownLine } from "../ahead";
import { sendAhead } from "../send";
import { usePage, userName } from "../session";
import { useShop } from "../shop";
import { useShown } from "../shown";

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export function Chat() {
  const wire = useTabwire();
  const said = useShown(useShop, (shop) => shop.chat);
  const ahead = useShown(useShop, (shop) => shop.ahead);
  const ownId = usePage((page) => page.session?.userId ?? "");
  const [text, setText] = useState("");
  const list = useRef<HTMLDivElement>(null);
  const lines = useMemo<readonly ShownLine[]>(
    () => [...said.map((line) => ({ ...line, key: String(line.id) })), ...linesAhead(ahead, ownId)],
    [said, ahead, ownId],
  );

  // The list begins at its end (it is a reversed column), and stays there; whoever scrolled up comes back for what is new.
  useEffect(() => {
    list.current?.scrollTo({ top: 0 });
  }, [lines.length]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const line = text.trim();
    if (!line) return;
    setText("");
    const taken = await sendAhead(wire, "chat_message", { text: line }, `“${line.slice(0, 40)}”`);
    if (!taken) setText((now) => now || line); // nothing a person wrote is lost
  };

  return (
    <section className="panel chat" aria-labelledby="chat-title">
      <h2 id="chat-title">Chat</h2>
      <div className="lines" role="log" aria-label="Chat lines" tabIndex={0} ref={list} data-testid="chat">
        {lines.length ? (
          <ol>
            {lines.map((line, index) => (
              <Line key={line.key} line={line} own={line.by === ownId} goesOn={lines[index - 1]?.by === line.by} />
            ))}
          </ol>
        ) : (
          <p className="empty">Nobody has said anything yet. Say hello: it is in every tab before you look.</p>
        )}
      </div>
      <form onSubmit={submit}>
        <input value={text} onChange={(event) => setText(event.target.value)} maxLength={500} placeholder="Say something" aria-label="Your line" autoComplete="off" data-testid="chat-input" />
        <button type="submit" data-testid="chat-send">
          Send
        </button>
      </form>
    </section>
  );
}

function Line({ line, own, goesOn }: { line: ShownLine; own: boolean; goesOn: boolean }) {
  const name = userName(line.by);
  const pending = line.id === undefined;
  return (
    <li
      className={`${own ? "own" : "other"} ${goesOn ? "goes-on" : ""} ${pending ? "pending" : ""}`}
      data-testid={pending ? "chat-pending" : "chat-line"}
      data-id={line.id}
    >
      <span className="avatar" aria-hidden="true">
        {name.slice(0, 2)}
      </span>
      <p className="by">
        {own ? "you" : name}
        {line.timestamp === undefined ? (
          <span> sending</span>
        ) : (
          <time dateTime={new Date(line.timestamp).toISOString()}>{TIME.format(line.timestamp)}</time>
        )}
      </p>
      <p className="text">{line.text}</p>
    </li>
  );
}
