import "./usage.css";
import { getRouteApi } from "@tanstack/react-router";
import { UsageScreen } from "./usage-screen.tsx";

const route = getRouteApi("/usage");

export function UsageRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <UsageScreen
      search={search}
      onSearch={(next) => void navigate({ search: next, replace: true, resetScroll: false })}
    />
  );
}
