import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { isElsewhere } from "../shared/keys.ts";
import { type GoScreenName, goScreens, screenOfKey, secondKeyMs } from "../shared/navigation/go-keys.ts";

/**
 * `g` and then a letter leads to a screen, on every screen. The second key does nothing else, whatever it means on the
 * screen that is left.
 */
export function useGoKeys(isOffered: (name: GoScreenName) => boolean): void {
  const navigate = useNavigate();
  const latest = useRef(isOffered);
  useEffect(() => {
    latest.current = isOffered;
  });
  useEffect(() => {
    let until = 0;
    const listener = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isElsewhere()) return;
      const isSecond = event.timeStamp < until;
      until = 0;
      if (!isSecond) {
        if (event.key === "g") until = event.timeStamp + secondKeyMs;
        return;
      }
      const name = screenOfKey(event.key);
      if (name === undefined || !latest.current(name)) return;
      event.preventDefault();
      event.stopPropagation();
      void navigate(goScreens[name]);
    };
    // Before the listeners of the screen.
    document.addEventListener("keydown", listener, { capture: true });
    return () => document.removeEventListener("keydown", listener, { capture: true });
  }, [navigate]);
}
