/** Inspector of actors: the list of actors, and one actor. Its links lead to `/inspector` and below. */
export { ActorScreen } from "./actor-screen.tsx";
export { ActorsScreen } from "./actors-screen.tsx";
