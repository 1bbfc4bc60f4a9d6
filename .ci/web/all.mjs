// All tests of the page, in one process: they share a server and a browser.
import "./page.test.mjs";
import "./reach.test.mjs";
import "./markdown.test.mjs";
import "./chats.test.mjs";
