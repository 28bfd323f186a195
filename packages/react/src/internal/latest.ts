/** Shared connections and render helpers behind the hooks. */
import { type RefObject, useInsertionEffect, useRef } from "react";

/** What was given at the newest render that is shown: for callbacks that run later. */
export function useLatest<T>(value: T): RefObject<T> {
  const latest = useRef(value);
  useInsertionEffect(() => {
    latest.current = value;
  }, [value]);
  return latest;
}
