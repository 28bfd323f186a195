import "./settings.css";
import { getRouteApi } from "@tanstack/react-router";
import { AuditScreen } from "./audit/audit-screen.tsx";

const auditRoute = getRouteApi("/settings/audit");

export { AcceptedRulesScreen } from "./accepted-rules-screen.tsx";
export { ConnectionsScreen } from "./connections-screen.tsx";
export { PolicyScreen } from "./policy-screen.tsx";
export { SecretsScreen } from "./secrets-screen.tsx";
export { SignInScreen } from "./sign-in/sign-in-screen.tsx";

export function AuditRoute() {
  const search = auditRoute.useSearch();
  const navigate = auditRoute.useNavigate();
  return (
    <AuditScreen
      key={JSON.stringify(search)}
      search={search}
      onSearch={(next) => void navigate({ search: next, replace: true, resetScroll: false })}
    />
  );
}
