import { TabwireProvider } from "tabwire/react";
import type { Session } from "./api";
import { Login } from "./login";
import { Actions } from "./panels/actions";
import { Chat } from "./panels/chat";
import { Connection } from "./panels/connection";
import { EventLog } from "./panels/event-log";
import { Orders } from "./panels/orders";
import { TabList } from "./panels/tab-list";
import { logOut, shopName, usePage, userName } from "./session";
import { OWN_ID } from "./tabs";

export function App() {
  const { session, wire } = usePage();
  if (!session || !wire) return <Login />;
  return (
    <TabwireProvider client={wire}>
      <Header session={session} />
      <main>
        <div className="column">
          <TabList />
          <Actions />
        </div>
        <div className="column wide">
          <Orders />
          <div className="pair">
            <Chat />
            <EventLog />
          </div>
          <Connection />
        </div>
      </main>
    </TabwireProvider>
  );
}

function Header({ session }: { session: Session }) {
  return (
    <header>
      <h1>
        tabwire <span>live demo</span>
      </h1>
      <p className="who">
        <strong data-testid="user" data-user={session.userId}>
          {userName(session.userId)}
        </strong>{" "}
        at <strong data-testid="shop">{shopName(session.shopId)}</strong>
        <span className="pill" title="The demo's name for this tab">
          tab <span data-testid="tab-id">{OWN_ID}</span>
        </span>
      </p>
      <button type="button" className="quiet" onClick={logOut} data-testid="logout" title="Logs out all tabs of this user">
        Log out everywhere
      </button>
    </header>
  );
}
