/** Settings of the person's notifications. Loaded when they are first opened. */
import "./notifications.css";

export { NotificationsScreen } from "./notifications-screen.tsx";
