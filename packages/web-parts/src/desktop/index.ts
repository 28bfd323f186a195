/** The desktop of a sandbox for both web apps: its start, the live screen, its clipboard. */
export { DesktopPane, type DesktopPaneProps } from "./desktop-pane.tsx";
