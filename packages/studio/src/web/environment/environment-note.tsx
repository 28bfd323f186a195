import { Status } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useApi } from "../shared/context.ts";
import { environmentQuery, useEnvironmentLive } from "./queries.ts";
import { stateOf } from "./state.ts";
import "./environment.css";

/** Beside the form for a new task: the state of the repository's environment, and the way to it. */
export function EnvironmentNote({ path }: { readonly path: string }) {
  const { data } = useQuery(environmentQuery(useApi(), path));
  useEnvironmentLive(path, data?.latest?.id);
  if (data?.source === undefined) return null;
  const { kind, label } = stateOf(data);
  return (
    <p className="environment-note">
      <Link to="/environment" search={{ repository: path }}>
        Environment
      </Link>
      <Status kind={kind} label={label} />
    </p>
  );
}
