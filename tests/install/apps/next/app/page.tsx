import { connection } from "next/server";
import { Orders } from "./orders";

export default async function Page() {
  // Rendered for each request: where the events come from is known when the app runs, not when it is built.
  await connection();
  return <Orders server={process.env.TABWIRE_URL ?? "http://127.0.0.1:8080"} />;
}
