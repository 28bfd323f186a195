import { appPart, PageFailed } from "@holdfast/web-parts";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { PermissionsScreen } from "../screens/permissions-screen.tsx";
import { ProcessesScreen } from "../screens/processes/processes-screen.tsx";
import { NewSessionScreen } from "../screens/sessions/new-session.tsx";
import { SessionsLayout } from "../screens/sessions/sessions-layout.tsx";
import { NotFound } from "./not-found.tsx";
import { Shell } from "./shell.tsx";

interface RouterContext {
  readonly taskPath: string | undefined;
}

const rootRoute = createRootRouteWithContext<RouterContext>()({
  component: Shell,
  notFoundComponent: NotFound,
});

const indexRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  beforeLoad: ({ context }) => {
    // In the sandbox of a task, sessions are not shown.
    throw redirect({ to: context.taskPath === undefined ? "/sessions" : "/processes", replace: true });
  },
});
const sessionsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sessions",
  component: SessionsLayout,
});
const newSessionRoute = createRoute({
  getParentRoute: () => sessionsRoute,
  path: "/",
  component: NewSessionScreen,
});
const sessionRoute = createRoute({
  getParentRoute: () => sessionsRoute,
  path: "/$sessionId",
  component: lazyRouteComponent(
    appPart(() => import("../screens/sessions/session-screen.tsx")),
    "SessionScreen",
  ),
});
const permissionsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/permissions",
  component: PermissionsScreen,
});

interface ProcessSearch {
  readonly process?: string;
}

const processesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/processes",
  validateSearch: ({ process }: Record<string, unknown>): ProcessSearch =>
    typeof process === "string" ? { process } : {},
  component: function ProcessesRoute() {
    return <ProcessesScreen selected={processesRoute.useSearch().process} />;
  },
});

interface FilesSearch {
  readonly path?: string;
  readonly file?: string;
}

const filesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/files",
  validateSearch: ({ path, file }: Record<string, unknown>): FilesSearch => ({
    ...(typeof path === "string" ? { path } : {}),
    ...(typeof file === "string" ? { file } : {}),
  }),
  component: lazyRouteComponent(
    appPart(() => import("../screens/files/files-screen.tsx")),
    "FilesScreen",
  ),
});
const desktopRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/desktop",
  component: lazyRouteComponent(
    appPart(() => import("../screens/desktop-screen.tsx")),
    "DesktopScreen",
  ),
});
const requestsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/requests",
  component: lazyRouteComponent(
    appPart(() => import("../screens/requests/requests-screen.tsx")),
    "RequestsScreen",
  ),
});
const agentsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/agents",
  component: lazyRouteComponent(
    appPart(() => import("../screens/agents-screen.tsx")),
    "AgentsScreen",
  ),
});
const configRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/config",
  component: lazyRouteComponent(
    appPart(() => import("../screens/config/config-screen.tsx")),
    "ConfigScreen",
  ),
});

const routeTree = rootRoute.addChildren([
  indexRoute,
  sessionsRoute.addChildren([newSessionRoute, sessionRoute]),
  permissionsRoute,
  processesRoute,
  filesRoute,
  desktopRoute,
  agentsRoute,
  configRoute,
  requestsRoute,
]);

/** `basepath` is the path of the app. `taskPath` is set if the app shows the sandbox of a Studio task. */
export function createAppRouter(basepath: string, taskPath: string | undefined) {
  return createRouter({
    routeTree,
    basepath,
    defaultPreload: false,
    defaultErrorComponent: PageFailed,
    context: { taskPath },
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
