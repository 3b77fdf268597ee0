import { useLog } from "../log";
import { useShownSlowly } from "../shown";

export function EventLog() {
  const lines = useShownSlowly(useLog, (log) => log.lines);
  return (
    <section className="panel log" aria-labelledby="log-title">
      <h2 id="log-title">What happens in this tab</h2>
      <ol tabIndex={0} aria-label="Newest first" data-testid="log">
        {lines.map((line) => (
          <li key={line.key} className={line.kind} data-kind={line.kind}>
            <time dateTime={new Date(line.at).toISOString()}>{new Date(line.at).toLocaleTimeString()}</time>
            <span className="kind">{line.kind}</span>
            <span className="text">{line.text}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
