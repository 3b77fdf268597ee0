import { dismiss, useToasts } from "../toasts";

/** The region is always there: a screen reader tells of what comes into it. */
export function Toasts() {
  const toasts = useToasts((state) => state.toasts);
  return (
    <aside className="toasts" aria-label="Messages">
      <ul aria-live="polite" data-testid="toasts">
        {toasts.map(({ key, kind, text }) => (
          <li key={key} className={kind} data-testid="toast" data-kind={kind}>
            <span>{text}</span>
            <button type="button" className="quiet small" onClick={() => dismiss(key)}>
              Dismiss
            </button>
          </li>
        ))}
      </ul>
    </aside>
  );
}
