import { appPart, PageFailed } from "@holdfast/web-parts";
import { readFilter, readTab } from "@holdfast/web-parts/inspector-search";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { readBillingSearch } from "../billing/search.ts";
import { readInboxTab } from "../inbox/search.ts";
import { readAuditSearch } from "../settings/audit-search.ts";
import { readTaskSearch } from "../shared/task-list/task-filter.ts";
import { readTaskTab } from "../task/task-tab.ts";
import { TasksScreen } from "../tasks/tasks-screen.tsx";
import { readUsageSearch } from "../usage/search.ts";
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
const TaskRoute = lazyRouteComponent(
  appPart(() => import("../task/routes.tsx")),
  "TaskRoute",
);
const taskRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/tasks/$taskId",
  validateSearch: readTaskTab,
  component: TaskRoute,
});
const previewRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/tasks/$taskId/preview/$port",
  component: lazyRouteComponent(
    appPart(() => import("../workspace/previews/routes.tsx")),
    "PreviewRoute",
  ),
});
const environmentRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/environment",
  validateSearch: ({ repository }): { readonly repository?: string } =>
    typeof repository === "string" ? { repository } : {},
  component: lazyRouteComponent(
    appPart(() => import("../environment/routes.tsx")),
    "EnvironmentRoute",
  ),
});
const systemRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/system",
  component: lazyRouteComponent(
    appPart(() => import("../system/routes.tsx")),
    "SystemScreen",
  ),
});

const inboxRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/inbox",
  validateSearch: readInboxTab,
  component: lazyRouteComponent(
    appPart(() => import("../inbox/routes.tsx")),
    "InboxRoute",
  ),
});
const schedulesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/schedules",
  component: lazyRouteComponent(
    appPart(() => import("../schedules/routes.tsx")),
    "SchedulesScreen",
  ),
});
const repositoryParts = appPart(() => import("../repositories/routes.tsx"));
const repositoriesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/repositories",
  component: lazyRouteComponent(repositoryParts, "RepositoriesScreen"),
});
const repositoryRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/repositories/$repositoryId",
  component: lazyRouteComponent(repositoryParts, "RepositoryRoute"),
});

const usageRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/usage",
  validateSearch: readUsageSearch,
  component: lazyRouteComponent(
    appPart(() => import("../usage/routes.tsx")),
    "UsageRoute",
  ),
});

const settingsParts = appPart(() => import("../settings/routes.tsx"));
const connectionsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings",
  component: lazyRouteComponent(settingsParts, "ConnectionsScreen"),
});
const secretsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/secrets",
  component: lazyRouteComponent(settingsParts, "SecretsScreen"),
});
const policyRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/policy",
  component: lazyRouteComponent(settingsParts, "PolicyScreen"),
});
const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/sign-in",
  component: lazyRouteComponent(settingsParts, "SignInScreen"),
});
const acceptedRulesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/policy/accepted",
  component: lazyRouteComponent(settingsParts, "AcceptedRulesScreen"),
});
const auditRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/audit",
  validateSearch: readAuditSearch,
  component: lazyRouteComponent(settingsParts, "AuditRoute"),
});

const billingRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/billing",
  validateSearch: readBillingSearch,
  component: lazyRouteComponent(
    appPart(() => import("../billing/routes.tsx")),
    "BillingRoute",
  ),
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
const peopleParts = appPart(() => import("../people/routes.tsx"));
const peopleRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/people",
  component: lazyRouteComponent(peopleParts, "PeopleScreen"),
});
const accountRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/account",
  component: lazyRouteComponent(peopleParts, "AccountScreen"),
});
const designRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/design",
  component: lazyRouteComponent(
    appPart(() => import("../design/routes.tsx")),
    "DesignScreen",
  ),
});
const notificationsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/notifications",
  component: lazyRouteComponent(
    appPart(() => import("../notifications/routes.tsx")),
    "NotificationsScreen",
  ),
});
const organizationRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/organization",
  component: lazyRouteComponent(
    appPart(() => import("../organizations/routes.tsx")),
    "OrganizationScreen",
  ),
});
/** The actors' own routes are below this address, so people may enter it. */
const actorsAddressRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/actors",
  beforeLoad: () => {
    throw redirect({ to: "/inspector" });
  },
});

/** Loads the screen of a task once the page has nothing else to do: most people open one next. */
export function preloadTask(): void {
  const load = () => void TaskRoute.preload?.();
  if (typeof requestIdleCallback === "function") requestIdleCallback(load);
  // Safari has no requestIdleCallback.
  else setTimeout(load, 1_000);
}

export function createAppRouter(basepath: string) {
  return createRouter({
    basepath,
    routeTree: rootRoute.addChildren([
      tasksRoute,
      taskRoute,
      previewRoute,
      inboxRoute,
      environmentRoute,
      systemRoute,
      schedulesRoute,
      repositoriesRoute,
      repositoryRoute,
      usageRoute,
      connectionsRoute,
      secretsRoute,
      policyRoute,
      signInRoute,
      acceptedRulesRoute,
      auditRoute,
      billingRoute,
      actorsRoute,
      actorRoute,
      peopleRoute,
      accountRoute,
      designRoute,
      notificationsRoute,
      organizationRoute,
      actorsAddressRoute,
    ]),
    scrollRestoration: true,
    // A screen begins to load when the pointer or the focus is at a link to it.
    defaultPreload: "intent",
    defaultErrorComponent: PageFailed,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
