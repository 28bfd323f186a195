import "@holdfast/web-parts/inspector.css";
import { ActorScreen, ActorsScreen } from "@holdfast/web-parts/inspector";
import { getRouteApi } from "@tanstack/react-router";

const listRoute = getRouteApi("/inspector");
const actorRoute = getRouteApi("/inspector/$name/$actorId");

/** Loaded when the inspector is first opened. */
export function ActorsRoute() {
  const filter = listRoute.useSearch();
  const navigate = listRoute.useNavigate();
  return <ActorsScreen filter={filter} onFilter={(next) => void navigate({ search: next, replace: true })} />;
}

export function ActorRoute() {
  const { name, actorId: id } = actorRoute.useParams();
  const { tab } = actorRoute.useSearch();
  const navigate = actorRoute.useNavigate();
  return (
    <ActorScreen
      key={id}
      address={{ name, id }}
      tab={tab}
      onTab={(next) => void navigate({ search: { tab: next }, replace: true, resetScroll: false })}
    />
  );
}
