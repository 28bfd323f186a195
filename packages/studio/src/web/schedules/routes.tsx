/** Loaded when the schedules are first opened. */
export { SchedulesScreen } from "./schedules-screen.tsx";
