import { useTabwireStatus } from "tabwire/react";
import type { Session } from "../api";
import { Icon, Logo } from "../icons";
import { logOut, shopName, userName } from "../session";
import { OWN_ID } from "../tabs";
import { switchTheme, useTheme } from "../theme";

export function Header({ session }: { session: Session }) {
  const role = useTabwireStatus((status) => status.role);
  return (
    <header className="top">
      <h1>
        <Logo /> tabwire <span>live demo</span>
      </h1>
      <p className="who">
        <strong data-testid="user" data-user={session.userId}>
          {userName(session.userId)}
        </strong>{" "}
        at <strong data-testid="shop">{shopName(session.shopId)}</strong>
        {session.device && <span className="chip">another device</span>}
        <span className={`chip ${role}`}>
          tab <span data-testid="tab-id">{OWN_ID}</span>, <span data-testid="role">{role}</span>
        </span>
      </p>
      <ThemeSwitch />
      <button type="button" className="quiet" onClick={logOut} data-testid="logout" title="Logs out all tabs of this user">
        Log out everywhere
      </button>
    </header>
  );
}

export function ThemeSwitch() {
  const theme = useTheme((state) => state.theme);
  const other = theme === "dark" ? "light" : "dark";
  return (
    <button type="button" className="quiet square" onClick={switchTheme} aria-label={`Switch to ${other} colours`} title={`Switch to ${other} colours`} data-testid="theme" data-theme={theme}>
      <Icon name={theme === "dark" ? "sun" : "moon"} />
    </button>
  );
}
