import { getRouteApi } from "@tanstack/react-router";
import { EnvironmentScreen } from "./environment-screen.tsx";

const route = getRouteApi("/environment");

/** Loaded when an environment is first opened. */
export function EnvironmentRoute() {
  const { repository = "" } = route.useSearch();
  return <EnvironmentScreen key={repository} path={repository} />;
}
