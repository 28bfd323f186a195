/** Looks that the terminal and the desktop have in common: a frame with a status bar above what it shows. */
import type { CSSProperties } from "react";

export const frameStyle: CSSProperties = {
  display: "flex",
  flexDirection: "column",
  overflow: "hidden",
  border: "1px solid #3a4250",
  borderRadius: 8,
  background: "#101216",
};

export const barStyle: CSSProperties = {
  display: "flex",
  alignItems: "center",
  justifyContent: "space-between",
  gap: 12,
  padding: "6px 12px",
  borderBottom: "1px solid #3a4250",
  background: "#191d24",
  color: "#d5d9e0",
  fontSize: 12,
  lineHeight: 1.5,
};

export const barButtonStyle: CSSProperties = {
  font: "inherit",
  color: "inherit",
  background: "transparent",
  border: "1px solid currentColor",
  borderRadius: 4,
  padding: "2px 10px",
  minHeight: 24,
  cursor: "pointer",
};

/** Of a connection's state, on the bar. */
export const stateColors = {
  neutral: "#d5d9e0",
  good: "#7fd88f",
  warning: "#f0c674",
  bad: "#ff8080",
} as const;
