/** People of the organization, and the account of whoever is signed in. Loaded when they are first opened. */
import "./people.css";

export { AccountScreen } from "./account-screen.tsx";
export { PeopleScreen } from "./people-screen.tsx";
