import { TabwireProvider } from "tabwire/react";
import { Login } from "./login";
import { Actions } from "./panels/actions";
import { Chat } from "./panels/chat";
import { EventLog } from "./panels/event-log";
import { Header } from "./panels/header";
import { Inside } from "./panels/inside";
import { Latency } from "./panels/latency";
import { Orders } from "./panels/orders";
import { Picture } from "./panels/picture";
import { Situation } from "./panels/situation";
import { Timeline } from "./panels/timeline";
import { Toasts } from "./panels/toasts";
import { usePage } from "./session";

export function App() {
  const { session, wire } = usePage();
  if (!session || !wire) return <Login />;
  return (
    <TabwireProvider client={wire}>
      <a className="skip" href="#main">
        Skip to the shop
      </a>
      <Header session={session} />
      <main id="main">
        <Situation session={session} />
        <Actions session={session} />
        <div className="sides">
          <div className="side">
            <Orders />
            <Chat />
          </div>
          <div className="side">
            <Picture />
            <Timeline />
            <Latency />
          </div>
          <EventLog />
          <Inside />
        </div>
      </main>
      <Toasts />
    </TabwireProvider>
  );
}
