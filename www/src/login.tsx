import { type FormEvent, useState } from "react";
import { Logo } from "./icons";
import { ThemeSwitch } from "./panels/header";
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
      <div className="corner">
        <ThemeSwitch />
      </div>
      <form className="panel" onSubmit={submit}>
        <h1>
          <Logo /> tabwire <span>live demo</span>
        </h1>
        <p className="lead">One WebSocket for all tabs of a browser.</p>
        <p>
          You run a small shop with orders and a chat, in as many tabs as you like. Beside it you see what happens underneath: which
          tab leads, what each was given, and how fast. Then break it: close the leader, hang it, cut the network, and watch that no
          event is missing and none comes twice.
        </p>
        <button type="submit" data-testid="login">
          Start the demo
        </button>
        <div className="choices">
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
        </div>
        <p className="hint">No password. New tabs of this browser join as the same user by themselves.</p>
      </form>
    </main>
  );
}
