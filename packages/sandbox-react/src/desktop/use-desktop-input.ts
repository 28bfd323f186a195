import { type RefObject, useEffect } from "react";
import { useLatest } from "../internal/latest.ts";
import type { DesktopButton, DesktopStreamLink } from "./desktop-types.ts";
import { type Size, screenPoint } from "./screen-point.ts";

export interface DesktopInputUse {
  /** The element that shows the screen, and has the focus while it is used. */
  readonly screen: RefObject<HTMLElement | null>;
  readonly size: Size | undefined;
  readonly link: () => DesktopStreamLink | undefined;
  readonly isEnabled: boolean;
  /** Called with Control, Alt and Escape, which leave the desktop. */
  readonly onLeave: () => void;
}

/** Wheel events count pixels, lines or pages. */
const pixelsPerUnit = [1, 40, 800] as const;
const buttons: readonly DesktopButton[] = ["left", "middle", "right"];

/** Sends what a person does on an element to a desktop: pointer, wheel and keys. */
export function useDesktopInput({ screen, size, link, isEnabled, onLeave }: DesktopInputUse): void {
  const leave = useLatest(onLeave);
  const width = size?.width;
  const height = size?.height;
  useEffect(() => {
    const element = screen.current;
    if (!isEnabled || element === null || width === undefined || height === undefined) return;
    const held = new Set<string>();
    const stop = new AbortController();
    const pointOf = (event: MouseEvent) =>
      screenPoint(element.getBoundingClientRect(), { width, height }, event.clientX, event.clientY);
    const listen = <Name extends keyof HTMLElementEventMap>(
      name: Name,
      listener: (event: HTMLElementEventMap[Name]) => void,
    ) => element.addEventListener(name, listener, { signal: stop.signal, passive: false });
    const move = (event: MouseEvent) => {
      const point = pointOf(event);
      if (point !== undefined) link()?.moveMouse(point.x, point.y);
      return point;
    };
    const release = () => {
      for (const key of held) link()?.keyUp(key);
      held.clear();
    };
    listen("pointermove", move);
    listen("pointerdown", (event) => {
      event.preventDefault();
      element.focus();
      // So that the release arrives also when the pointer has left the element.
      element.setPointerCapture(event.pointerId);
      if (move(event) !== undefined) link()?.mouseDown(buttons[event.button] ?? "left");
    });
    listen("pointerup", (event) => {
      if (move(event) !== undefined) link()?.mouseUp(buttons[event.button] ?? "left");
    });
    listen("pointercancel", (event) => link()?.mouseUp(buttons[event.button] ?? "left"));
    listen("contextmenu", (event) => event.preventDefault());
    listen("wheel", (event) => {
      event.preventDefault();
      const point = pointOf(event);
      const unit = pixelsPerUnit[event.deltaMode] ?? 1;
      if (point !== undefined) link()?.scroll(point.x, point.y, event.deltaX * unit, event.deltaY * unit);
    });
    listen("keydown", (event) => {
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape" && event.ctrlKey && event.altKey) {
        release();
        leave.current();
        return;
      }
      held.add(event.key);
      link()?.keyDown(event.key);
    });
    listen("keyup", (event) => {
      event.preventDefault();
      event.stopPropagation();
      // With Shift released in between, the same key has another name.
      for (const key of [...held].filter((name) => name.toLowerCase() === event.key.toLowerCase())) {
        held.delete(key);
        link()?.keyUp(key);
      }
    });
    listen("blur", release);
    return () => {
      release();
      stop.abort();
    };
  }, [screen, width, height, link, isEnabled, leave]);
}
