import "./task.css";
import "./transcript/transcript.css";
import { getRouteApi } from "@tanstack/react-router";
import { TaskScreen } from "./task-screen.tsx";

const route = getRouteApi("/tasks/$taskId");

/** Loaded when the list has been shown, or with the first task that is opened. */
export function TaskRoute() {
  const { taskId } = route.useParams();
  return <TaskScreen key={taskId} taskId={taskId} />;
}
