import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { SystemScreen } from "../screens/system/system-screen.tsx";
import { TaskScreen } from "../screens/task/task-screen.tsx";
import { TasksScreen } from "../screens/tasks/tasks-screen.tsx";
import { NotFound } from "./not-found.tsx";
import { Shell } from "./shell.tsx";

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFound });
const tasksRoute = createRoute({ getParentRoute: () => rootRoute, path: "/", component: TasksScreen });
const taskRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/tasks/$taskId",
  component: function TaskRoute() {
    const { taskId } = taskRoute.useParams();
    return <TaskScreen key={taskId} taskId={taskId} />;
  },
});
const systemRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/system",
  component: SystemScreen,
});

export function createAppRouter() {
  return createRouter({
    routeTree: rootRoute.addChildren([tasksRoute, taskRoute, systemRoute]),
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
