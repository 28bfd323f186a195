import { ErrorNotice, usePageTitle } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useApi } from "../api/context.ts";
import { permissionsQuery } from "../api/queries.ts";
import type { PermissionState } from "../api/types.ts";
import { PermissionList } from "./permission-card.tsx";

const states: readonly PermissionState[] = ["pending", "answered", "expired", "cancelled"];

/** Permission requests of the agents of all sessions. */
export function PermissionsScreen() {
  usePageTitle("Permissions");
  const id = useId();
  const [state, setState] = useState<PermissionState | "all">("all");
  const { data, error, refetch } = useQuery(permissionsQuery(useApi()));
  const shown = data?.filter((permission) => state === "all" || permission.state === state);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Permissions</h1>
        <div className="field-inline">
          <label htmlFor={id}>State</label>
          <select
            id={id}
            value={state}
            onChange={(event) => setState(states.find((name) => name === event.target.value) ?? "all")}
          >
            <option value="all">All</option>
            {states.map((name) => (
              <option key={name} value={name}>
                {name[0]?.toUpperCase()}
                {name.slice(1)}
              </option>
            ))}
          </select>
        </div>
      </div>
      {data === undefined && error !== null ? (
        <ErrorNotice error={error} onRetry={() => void refetch()} />
      ) : (
        <PermissionList permissions={shown} linked />
      )}
    </div>
  );
}
