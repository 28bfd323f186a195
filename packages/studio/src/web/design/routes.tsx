/** The design language with live examples; docs/explanation/design.md explains it. */
import "./design.css";

/** Loaded when the page is first opened. */
export { DesignScreen } from "./design-screen.tsx";
