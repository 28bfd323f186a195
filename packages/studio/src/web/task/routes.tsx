import "./task.css";
import "./attempts/attempts.css";
import "./sessions/sessions.css";
import "./transcript/transcript.css";
import { getRouteApi } from "@tanstack/react-router";
import { TaskScreen } from "./task-screen.tsx";
import { readTaskTab } from "./task-tab.ts";

const route = getRouteApi("/tasks/$taskId");

/** Loaded when the list has been shown, or with the first task that is opened. */
export function TaskRoute() {
  const { taskId } = route.useParams();
  const { view = "conversation", session } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <TaskScreen
      key={taskId}
      taskId={taskId}
      view={view}
      session={session}
      onView={(next, chosen = session) =>
        void navigate({ search: readTaskTab({ view: next, session: chosen }), resetScroll: false })
      }
      onSession={(next) =>
        void navigate({ search: readTaskTab({ view, session: next }), resetScroll: false })
      }
    />
  );
}
