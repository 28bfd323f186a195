import { type RefObject, useLayoutEffect, useRef } from "react";

/** Ref to the latest value, for callbacks whose change must not restart an effect. */
export function useLatest<T>(value: T): RefObject<T> {
  const latest = useRef(value);
  useLayoutEffect(() => {
    latest.current = value;
  });
  return latest;
}
