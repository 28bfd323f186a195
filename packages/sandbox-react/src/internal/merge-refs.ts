import { type Ref, type RefCallback, type RefObject, useCallback } from "react";

/** Combines two refs of any kind into one. */
export function useMergedRef<T>(ref: RefObject<T | null>, forwarded: Ref<T> | undefined): RefCallback<T> {
  return useCallback(
    (element: T | null) => {
      ref.current = element;
      if (typeof forwarded === "function") forwarded(element);
      else if (forwarded) forwarded.current = element;
    },
    [ref, forwarded],
  );
}
