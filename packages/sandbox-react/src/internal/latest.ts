import { type RefObject, useLayoutEffect, useRef } from "react";

/** The newest value, for callbacks that must not begin anything anew when they change. */
export function useLatest<T>(value: T): RefObject<T> {
  const latest = useRef(value);
  useLayoutEffect(() => {
    latest.current = value;
  });
  return latest;
}
