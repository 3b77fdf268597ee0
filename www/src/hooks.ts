import { useEffect, useState } from "react";

/** The time by `Date.now()`, renewed every `ms` while `ms` is given. */
export function useNow(ms: number | undefined): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (ms === undefined) return;
    setNow(Date.now());
    const ticking = setInterval(() => setNow(Date.now()), ms);
    return () => clearInterval(ticking);
  }, [ms]);
  return now;
}
