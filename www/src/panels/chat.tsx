import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTabwire } from "tabwire/react";
import { note } from "../log";
import { usePage, userName } from "../session";
import { useShop } from "../shop";

export function Chat() {
  const { send } = useTabwire();
  const lines = useShop((shop) => shop.chat);
  const ownId = usePage((page) => page.session?.userId);
  const [text, setText] = useState("");
  const [sending, setSending] = useState<readonly string[]>([]);
  const end = useRef<HTMLLIElement>(null);

  useEffect(() => {
    const list = end.current?.parentElement;
    list?.scrollTo({ top: list.scrollHeight });
  }, [lines, sending]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const said = text.trim();
    if (!said) return;
    setText("");
    setSending((all) => [...all, said]);
    try {
      await send("chat_message", { text: said });
    } catch (error) {
      note("error", error instanceof Error ? error.message : String(error));
      setText((now) => now || said); // nothing a person wrote is lost
    } finally {
      setSending((all) => all.toSpliced(all.indexOf(said), 1));
    }
  };

  return (
    <section className="panel chat" aria-labelledby="chat-title">
      <h2 id="chat-title">Chat of the shop</h2>
      <ol role="log" aria-label="Chat lines" tabIndex={0} data-testid="chat">
        {lines.map((line) => (
          <li key={line.id} className={line.by === ownId ? "own" : undefined} data-testid="chat-line" data-id={line.id}>
            <span className="by">{userName(line.by)}</span>
            <span className="text">{line.text}</span>
            <time dateTime={new Date(line.timestamp).toISOString()}>{new Date(line.timestamp).toLocaleTimeString()}</time>
          </li>
        ))}
        {sending.map((said, index) => (
          <li key={index} className="own pending">
            <span className="text">{said}</span>
          </li>
        ))}
        {!lines.length && !sending.length && <li className="empty">Nobody has said anything yet.</li>}
        <li ref={end} aria-hidden="true" />
      </ol>
      <form onSubmit={submit}>
        <input value={text} onChange={(event) => setText(event.target.value)} maxLength={500} placeholder="Say something" aria-label="Your line" autoComplete="off" data-testid="chat-input" />
        <button type="submit" data-testid="chat-send">
          Send
        </button>
      </form>
    </section>
  );
}
