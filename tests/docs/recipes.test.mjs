// The programs of docs/recipes in four languages, against a real server and a real database, at the worst moments.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";

import Database from "better-sqlite3";
import { WebSocket } from "ws";

import { until } from "../e2e/harness/until.mjs";
import { Gateway } from "./harness/gateway.mjs";
import { program } from "./harness/pages.mjs";
import { LANGUAGES, Running, commandOf, printed } from "./harness/programs.mjs";
import { JWT_SECRET, PUBLISH_KEY, Server, folder } from "./harness/server.mjs";

const PUBLISHING = "docs/recipes/publishing.md";
const STATE = "docs/recipes/state-endpoint.md";
const TOKENS = "docs/recipes/tokens.md";

const WRITERS = 3;
const ORDERS_EACH = 15;

// Most of it is waiting.
describe("recipes", { concurrency: 4 }, () => {
  for (const [name, language] of Object.entries(LANGUAGES)) {
    const missing = language.missing();
    // A developer may do without a language; where it counts, none is left out.
    const skip = missing && process.env.CI !== "true" ? `SKIPPED: ${missing}` : false;

    test(`${name}: the state that is served has every event up to its position, and the outbox publishes each order once`, { skip, timeout: 180_000 }, async () => {
      const commands = await Promise.all([commandOf(language, STATE, "state"), commandOf(language, PUBLISHING, "orders")]);
      await inAShop(async (shop) => {
        const [state, orders] = await shop.start(...commands);
        await shop.atTheWorstMoments(orders, () => stateAt(state.url));
        await shop.whileOthersWrite(orders, () => stateAt(state.url));
        await shop.whileTheRelayDies(orders);
        await shop.refusesForGood();
        const { position, state: last } = await stateAt(state.url);
        const { epoch, head } = await shop.server.position("s_1");
        assert.deepEqual(position, { epoch, lastEventId: head });
        assert.equal(head, shop.created.length, "each order is one event");
        assert.deepEqual(last.orders.map(({ orderId }) => orderId).sort(), shop.created.toSorted());
        assert.deepEqual(last.orders[0], { orderId: last.orders[0].orderId, customer: "Ada", status: "new" });
      });
    });

    test(`${name}: an event is published once although the server is busy and an answer is lost`, { skip, timeout: 60_000 }, async () => {
      const command = await commandOf(language, PUBLISHING, "publish");
      await inAShop(async ({ server, gateway }) => {
        const event = { type: "order_created", scope: { shopId: "s_1" }, payload: { orderId: "o_1" } };
        gateway.faults = ["busy", "breaks"];
        const env = { WIRE_URL: gateway.url, PUBLISH_KEY };
        const { epoch } = await server.position("s_1");
        assert.deepEqual(JSON.parse(await printed([...command, "order-1", JSON.stringify(event)], env)), { id: 1, epoch });
        assert.deepEqual(gateway.faults, []);
        assert.equal((await server.position("s_1")).head, 1);
        const unknown = JSON.stringify({ ...event, type: "no_such_type" });
        await assert.rejects(printed([...command, "order-2", unknown], env), /unknown_type/);
      });
    });

    test(`${name}: the server takes the token for what it says`, { skip, timeout: 60_000 }, async () => {
      const command = await commandOf(language, TOKENS, "token");
      const server = await Server.start();
      try {
        const token = await printed([...command, "u_101", "s_1", "chat", "orders"], { JWT_SECRET });
        const { t, userId, shopId, modules, expiresAt, now } = await welcomeOf(server.url, token);
        assert.deepEqual({ t, userId, shopId, modules }, { t: "welcome", userId: "u_101", shopId: "s_1", modules: ["chat", "orders"] });
        assert.ok(Math.abs(expiresAt - now - 15 * 60_000) < 60_000, "it lives for 15 minutes");
        const { iat } = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
        assert.ok(Number.isInteger(iat));
        const stranger = await printed([...command, "u_101", "s_1", "chat"], { JWT_SECRET: "another" });
        assert.equal((await welcomeOf(server.url, stranger)).code, 4401);
      } finally {
        await server.stop();
      }
    });
  }

  test("an endpoint that reads its database first is found out", { timeout: 60_000 }, async () => {
    const command = await commandOf(LANGUAGES.Node, PUBLISHING, "orders");
    await inAShop(async (shop) => {
      const orders = await Running.start(command, shop.env);
      shop.running.push(orders);
      const database = new Database(shop.env.DATABASE);
      const wrongWayRound = async () => {
        const found = database.prepare("SELECT id AS orderId FROM orders").all();
        const { epoch, head } = await (await fetch(`${shop.gateway.url}/position?shopId=s_1`, { headers: { authorization: `Bearer ${PUBLISH_KEY}` } })).json();
        return { state: { orders: found }, position: { epoch, lastEventId: head } };
      };
      await assert.rejects(shop.atTheWorstMoments(orders, wrongWayRound), /is at [0-9]+ and lacks/);
    });
  });
});

/** A server, a gateway and a database, and what has been done to them. */
class Shop {
  running = [];
  /** The orders in the order in which they were created, and the ids of their events. */
  created = [];
  ids = new Map();

  static async open() {
    const shop = new Shop();
    shop.server = await Server.start();
    shop.gateway = await Gateway.start(shop.server.url);
    shop.gateway.taken = ({ payload }, id) => {
      const before = shop.ids.get(payload.orderId);
      assert.ok(before === undefined || before === id, `${payload.orderId} is event ${before} and ${id}`);
      shop.ids.set(payload.orderId, id);
    };
    shop.env = { WIRE_URL: shop.gateway.url, PUBLISH_KEY, DATABASE: join(folder(), "shop.sqlite") };
    shop.database = new Database(shop.env.DATABASE);
    shop.database.exec(program(PUBLISHING, "schema.sql"));
    return shop;
  }

  async start(...commands) {
    const started = await Promise.all(commands.map((command) => Running.start(command, this.env)));
    this.running.push(...started);
    return started;
  }

  async close() {
    for (const running of this.running) await running.kill();
    this.database.close();
    this.gateway.close();
    await this.server.stop();
  }

  /** Orders are created and published just before the position is read, and again before the back end hears of it. */
  async atTheWorstMoments(orders, state) {
    const meanwhile = () => this.createAndPublish(orders);
    this.gateway.beforePosition = meanwhile;
    this.gateway.afterPosition = meanwhile;
    for (let round = 0; round < 3; round++) this.misses(await state());
    this.gateway.beforePosition = async () => {};
    this.gateway.afterPosition = async () => {};
  }

  async whileOthersWrite(orders, state) {
    const seen = [];
    let writing = true;
    const write = async () => {
      for (let n = 0; n < ORDERS_EACH; n++) await this.create(orders);
    };
    const read = async () => {
      while (writing) seen.push(await state());
    };
    const reading = read();
    await Promise.all(Array.from({ length: WRITERS }, write));
    writing = false;
    await reading;
    await this.allPublished();
    for (const one of seen) this.misses(one);
  }

  /** The answer to a batch is lost, the process is killed, and another one goes on. */
  async whileTheRelayDies(orders) {
    this.gateway.faults = ["busy", "breaks", "breaks"];
    for (let n = 0; n < 5; n++) await this.create(orders);
    await until("the server has taken them, and nobody has heard", () => this.gateway.faults.length === 0, { withinMs: 30_000 });
    await orders.kill();
    await orders.again();
    await this.create(orders);
    await this.allPublished();
  }

  async refusesForGood() {
    const event = { type: "no_such_type", scope: { shopId: "s_1" }, payload: {} };
    this.database.prepare("INSERT INTO outbox (event) VALUES (?)").run(JSON.stringify(event));
    const kept = this.database.prepare("SELECT refused FROM outbox");
    const [{ refused }] = await until("it is refused", () => {
      const rows = kept.all();
      return rows.length === 1 && rows[0].refused && rows;
    });
    assert.match(refused, /no_such_type/);
  }

  async createAndPublish(orders) {
    const orderId = await this.create(orders);
    await until(`${orderId} is published`, () => this.ids.has(orderId));
  }

  async create(orders) {
    const orderId = `o_${this.created.length + 1}`;
    this.created.push(orderId);
    const answer = await fetch(`${orders.url}/orders`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ orderId, customer: "Ada" }),
    });
    assert.equal(answer.status, 201, orders.said);
    return orderId;
  }

  async allPublished() {
    const waiting = this.database.prepare("SELECT count(*) AS rows FROM outbox WHERE refused IS NULL");
    await until("the outbox is empty", () => waiting.get().rows === 0, { withinMs: 30_000 });
  }

  /** Fails when a state lacks an order whose event is not after its position. */
  misses({ state, position }) {
    const has = new Set(state.orders.map(({ orderId }) => orderId));
    for (const [orderId, id] of this.ids) {
      assert.ok(id > position.lastEventId || has.has(orderId), `the state is at ${position.lastEventId} and lacks ${orderId}, event ${id}`);
    }
  }
}

async function inAShop(play) {
  const shop = await Shop.open();
  try {
    await play(shop);
  } finally {
    await shop.close();
  }
}

async function stateAt(url) {
  const answer = await fetch(`${url}/state`);
  assert.equal(answer.status, 200);
  return answer.json();
}

/** The first frame that the server sends to who says hello with this token, or how it closes. */
function welcomeOf(url, token) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, "tabwire.v1");
    socket.on("open", () => socket.send(JSON.stringify({ t: "hello", v: 1, token, device: "docs", features: [] })));
    socket.on("message", (frame) => {
      resolve(JSON.parse(frame));
      socket.close();
    });
    socket.on("error", reject);
  });
}
