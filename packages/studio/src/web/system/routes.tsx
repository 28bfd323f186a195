import "./system.css";

/** Loaded when the system's screen is first opened. */
export { SystemScreen } from "./system-screen.tsx";
