// What one tab hands to another. A tab that has not been open yet takes it when it is.
const parcels = new Map(); // by task
const sendTo = (task, parcel) => {
  parcels.set(task, parcel);
  const tabs = [...document.querySelectorAll(`.sd-tabs [data-tab-id="${task}"]`)];
  (tabs.find((tab) => tab.offsetParent) || tabs[0])?.click();
  document.dispatchEvent(new CustomEvent("sd:parcel"));
};
const takeParcel = (task) => {
  const parcel = parcels.get(task);
  parcels.delete(task);
  return parcel;
};
