import { useEffect, useRef, useState } from "react";

/** The time, again at every interval; `Date.now()` in render would never move. */
export function useNow(intervalMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), intervalMs);
    return () => clearInterval(timer);
  }, [intervalMs]);
  return now;
}

export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Sandbox inspector`;
  }, [title]);
}

/** The previous value, for effects that act on a change. */
export function usePrevious<T>(value: T): T | undefined {
  const ref = useRef<T>(undefined);
  useEffect(() => {
    ref.current = value;
  }, [value]);
  return ref.current;
}
