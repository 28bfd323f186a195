/** The desktop of a sandbox for both web apps: its start, the live screen, windows, launch, clipboard and recordings. */
export { DesktopPane, type DesktopPaneProps } from "./desktop-pane.tsx";
