import { type RefObject, useInsertionEffect, useRef } from "react";

/** Ref to the value of the last committed render, for callbacks that run later. */
export function useLatest<T>(value: T): RefObject<T> {
  const latest = useRef(value);
  useInsertionEffect(() => {
    latest.current = value;
  }, [value]);
  return latest;
}
