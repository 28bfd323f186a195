/** Connected repositories: their list, the form that connects one, and the page of one. */
import "./repositories.css";
import { getRouteApi } from "@tanstack/react-router";
import { RepositoryScreen } from "./repository-screen.tsx";

export { RepositoriesScreen } from "./repositories-screen.tsx";

const repositoryRoute = getRouteApi("/repositories/$repositoryId");

export function RepositoryRoute() {
  const { repositoryId } = repositoryRoute.useParams();
  return <RepositoryScreen key={repositoryId} id={repositoryId} />;
}
