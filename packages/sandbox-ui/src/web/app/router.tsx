import { createRootRoute, createRoute, createRouter, redirect } from "@tanstack/react-router";
import { AgentsScreen } from "../screens/agents-screen.tsx";
import { ConfigScreen } from "../screens/config/config-screen.tsx";
import { FilesScreen } from "../screens/files/files-screen.tsx";
import { PermissionsScreen } from "../screens/permissions-screen.tsx";
import { ProcessesScreen } from "../screens/processes/processes-screen.tsx";
import { NewSessionScreen } from "../screens/sessions/new-session.tsx";
import { SessionScreen } from "../screens/sessions/session-screen.tsx";
import { SessionsLayout } from "../screens/sessions/sessions-layout.tsx";
import { NotFound } from "./not-found.tsx";
import { Shell } from "./shell.tsx";

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const indexRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/sessions", replace: true });
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
  component: function SessionRoute() {
    const { sessionId } = sessionRoute.useParams();
    return <SessionScreen key={sessionId} id={sessionId} />;
  },
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
  component: function FilesRoute() {
    const { path, file } = filesRoute.useSearch();
    return <FilesScreen path={path ?? "~"} file={file} />;
  },
});
const agentsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/agents",
  component: AgentsScreen,
});
const configRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/config",
  component: ConfigScreen,
});

const routeTree = rootRoute.addChildren([
  indexRoute,
  sessionsRoute.addChildren([newSessionRoute, sessionRoute]),
  permissionsRoute,
  processesRoute,
  filesRoute,
  agentsRoute,
  configRoute,
]);

export function createAppRouter() {
  return createRouter({ routeTree, basepath: "/ui", defaultPreload: false });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
