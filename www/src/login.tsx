import { type FormEvent, useState } from "react";
import { logIn, randomName, SHOPS } from "./session";

export function Login() {
  const [name, setName] = useState(randomName);
  const [shopId, setShopId] = useState<string>(SHOPS[0].shopId);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    logIn({ userId: `${name}@${shopId}`, shopId });
  };

  return (
    <main className="login">
      <form className="panel" onSubmit={submit}>
        <h1>
          tabwire <span>live demo</span>
        </h1>
        <p>
          One WebSocket for all tabs of a browser. Join a shop, open more tabs, close the one that leads, cut the network: no
          event is missing, none comes twice.
        </p>
        <label>
          Your name
          <input
            value={name}
            onChange={(event) => setName(event.target.value)}
            required
            maxLength={60}
            pattern="[A-Za-z0-9_.:\-]+"
            title="Letters, digits and _ . : -"
            autoComplete="off"
            data-testid="login-name"
          />
        </label>
        <fieldset>
          <legend>Shop</legend>
          {SHOPS.map((shop) => (
            <label key={shop.shopId} className="choice">
              <input
                type="radio"
                name="shop"
                value={shop.shopId}
                checked={shopId === shop.shopId}
                onChange={() => setShopId(shop.shopId)}
                data-testid={`login-shop-${shop.shopId}`}
              />
              {shop.name}
            </label>
          ))}
        </fieldset>
        <button type="submit" data-testid="login">
          Join
        </button>
        <p className="hint">New tabs of this browser join as the same user by themselves.</p>
      </form>
    </main>
  );
}
