import { appPart, PageFailed } from "@holdfast/web-parts";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { EnvironmentScreen } from "../environment/environment-screen.tsx";
import { readFilter, readTab } from "../inspector/search.ts";
import { readTaskSearch } from "../shared/task-list/task-filter.ts";
import { SystemScreen } from "../system/system-screen.tsx";
import { TaskScreen } from "../task/task-screen.tsx";
import { TasksScreen } from "../tasks/tasks-screen.tsx";
import { NotFound } from "./not-found.tsx";
import { Shell } from "./shell.tsx";

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFound });
const tasksRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  validateSearch: readTaskSearch,
  component: function TasksRoute() {
    const navigate = tasksRoute.useNavigate();
    const search = tasksRoute.useSearch();
    return (
      <TasksScreen
        search={search}
        onSearch={(next) => void navigate({ search: next, replace: true, resetScroll: false })}
      />
    );
  },
});
const taskRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/tasks/$taskId",
  component: function TaskRoute() {
    const { taskId } = taskRoute.useParams();
    return <TaskScreen key={taskId} taskId={taskId} />;
  },
});
const environmentRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/environment",
  validateSearch: ({ repository }): { readonly repository?: string } =>
    typeof repository === "string" ? { repository } : {},
  component: function EnvironmentRoute() {
    const { repository = "" } = environmentRoute.useSearch();
    return <EnvironmentScreen key={repository} path={repository} />;
  },
});
const systemRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/system",
  component: SystemScreen,
});

const inspectorParts = appPart(() => import("../inspector/routes.tsx"));
const actorsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/inspector",
  validateSearch: readFilter,
  component: lazyRouteComponent(inspectorParts, "ActorsRoute"),
});
const actorRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/inspector/$name/$actorId",
  validateSearch: readTab,
  component: lazyRouteComponent(inspectorParts, "ActorRoute"),
});
/** The actors' own routes are below this address, so people may enter it. */
const actorsAddressRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/actors",
  beforeLoad: () => {
    throw redirect({ to: "/inspector" });
  },
});

export function createAppRouter() {
  return createRouter({
    routeTree: rootRoute.addChildren([
      tasksRoute,
      taskRoute,
      environmentRoute,
      systemRoute,
      actorsRoute,
      actorRoute,
      actorsAddressRoute,
    ]),
    scrollRestoration: true,
    defaultErrorComponent: PageFailed,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
