// On a small screen some tabs are in a menu, where Gradio knows them by their names alone.
const openTab = (task) => {
  const name = texts[`task.${task}`] ?? texts[`tab.${task}`];
  const inMenu = [...document.querySelectorAll(".sd-tabs .overflow-dropdown button")].find((one) => one.textContent.trim() === name);
  const tab = document.querySelector(`.sd-tabs [role=tab][data-tab-id="${task}"]`) || inMenu;
  tab?.click();
  return Boolean(tab);
};
// Load the page again and open this tab, or the one that is open now.
const COME_BACK = "sdtoolbox-tab";
const comeBackTo = (tab = document.querySelector(".sd-tabs [role=tab][aria-selected=true]")?.dataset.tabId) => {
  if (tab) sessionStorage.setItem(COME_BACK, tab);
  location.reload();
};
const comeBack = () => {
  const tab = sessionStorage.getItem(COME_BACK);
  sessionStorage.removeItem(COME_BACK);
  if (tab) openTab(tab);
};
// What one tab hands to another. A tab that has not been open yet takes it when it is.
const parcels = new Map(); // by task
const sendTo = (task, parcel) => {
  parcels.set(task, parcel);
  openTab(task);
  window.scrollTo(0, 0); // the button was below a result, and what comes next begins at the top
  document.dispatchEvent(new CustomEvent("sd:parcel"));
};
const takeParcel = (task) => {
  const parcel = parcels.get(task);
  parcels.delete(task);
  return parcel;
};
