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

/** Whether `wanted` has been so for a while: what lasts a moment only is not worth a word. */
export function useLasting(wanted: boolean, ms: number): boolean {
  const [lasts, setLasts] = useState(false);
  useEffect(() => {
    if (!wanted) return setLasts(false);
    const waiting = setTimeout(() => setLasts(true), ms);
    return () => clearTimeout(waiting);
  }, [wanted, ms]);
  return lasts && wanted;
}
