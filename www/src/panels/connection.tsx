import { useTabwire, useTabwireStatus } from "tabwire/react";
import { useNow } from "../hooks";
import { useLog } from "../log";

const RENEW_MS = 500;

/** What the client knows of itself: `cursor()` and `inspect()`. */
export function Connection() {
  const wire = useTabwire();
  const status = useTabwireStatus();
  const { received, outOfOrder } = useLog();
  useNow(RENEW_MS); // neither is part of the status: they change with every event
  const cursor = wire.cursor();
  const inspected = facts(wire.inspect());

  return (
    <section className="panel numbers" aria-labelledby="connection-title">
      <h2 id="connection-title">This tab in numbers</h2>
      <dl>
        <Fact name="role" testid="role" value={status.role} />
        <Fact name="cursor" testid="cursor" value={cursor ? `#${cursor.lastEventId} of epoch ${cursor.epoch}` : "none"} />
        <Fact name="events received" testid="received" value={received} />
        <Fact name="out of order or doubled" testid="out-of-order" value={outOfOrder} />
        <Fact name="modules" value={status.modules.join(", ") || "none"} />
      </dl>
      {inspected.length > 0 && (
        <details open>
          <summary>inspect()</summary>
          <dl data-testid="inspect">
            {inspected.map(([name, value]) => (
              <Fact key={name} name={name} value={value} testid={`inspect-${name}`} />
            ))}
          </dl>
        </details>
      )}
    </section>
  );
}

function Fact({ name, value, testid }: { name: string; value: string | number; testid?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={testid}>{value}</dd>
    </div>
  );
}

/** The leaves of an object, each with its path as its name. */
function facts(object: object, path = ""): [name: string, value: string][] {
  return Object.entries(object).flatMap(([name, value]): [string, string][] => {
    const full = path ? `${path}.${name}` : name;
    if (Array.isArray(value)) return [[full, value.join(", ")]];
    if (value && typeof value === "object") return facts(value, full);
    return value === undefined || value === null ? [] : [[full, String(value)]];
  });
}
