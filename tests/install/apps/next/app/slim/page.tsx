import { connection } from "next/server";
import { SlimOrders } from "./orders";

export default async function Page() {
  await connection();
  return <SlimOrders server={process.env.TABWIRE_URL ?? "http://127.0.0.1:8080"} />;
}
