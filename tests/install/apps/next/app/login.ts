export async function login(server: string): Promise<string> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${server}/login`, { method: "POST", headers, body: JSON.stringify({ userId: "ana" }) });
  return (await response.json()).token;
}
