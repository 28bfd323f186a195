import { appPart, PageFailed } from "@holdfast/web-parts";
import { ActorScreen, ActorsScreen } from "@holdfast/web-parts/inspector";
import { readFilter, readTab } from "@holdfast/web-parts/inspector-search";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { NotFound } from "./not-found.tsx";
import { Shell } from "./shell.tsx";

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const homeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/inspector", replace: true });
  },
});

const actorsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/inspector",
  validateSearch: readFilter,
  component: function ActorsRoute() {
    const navigate = actorsRoute.useNavigate();
    return (
      <ActorsScreen
        filter={actorsRoute.useSearch()}
        onFilter={(next) => void navigate({ search: next, replace: true })}
      />
    );
  },
});

const actorRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/inspector/$name/$actorId",
  validateSearch: readTab,
  component: function ActorRoute() {
    const { name, actorId: id } = actorRoute.useParams();
    const navigate = actorRoute.useNavigate();
    return (
      <ActorScreen
        key={id}
        address={{ name, id }}
        tab={actorRoute.useSearch().tab}
        onTab={(next) => void navigate({ search: { tab: next }, replace: true, resetScroll: false })}
      />
    );
  },
});

const problemsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/inspector/problems",
  component: lazyRouteComponent(
    appPart(() => import("../dev/problems-screen.tsx")),
    "ProblemsScreen",
  ),
});

export function createAppRouter() {
  return createRouter({
    routeTree: rootRoute.addChildren([homeRoute, actorsRoute, actorRoute, problemsRoute]),
    defaultPreload: false,
    defaultErrorComponent: PageFailed,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
