import type { CSSProperties } from "react";

/** For assistive technology only. An inline style, because the stylesheet of this package is optional. */
export const hiddenStyle: CSSProperties = {
  position: "absolute",
  width: 1,
  height: 1,
  margin: -1,
  padding: 0,
  border: 0,
  overflow: "hidden",
  clipPath: "inset(50%)",
  whiteSpace: "nowrap",
};
