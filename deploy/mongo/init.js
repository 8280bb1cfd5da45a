// Begins the replica set and makes the platform's user; run again, it changes nothing but the password.
try {
  rs.status();
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  rs.initiate({ _id: "portico", members: [{ _id: 0, host: "mongo:27017" }] });
}
while (!db.hello().isWritablePrimary) sleep(200);
const admin = db.getSiblingDB("admin");
const roles = ["readWriteAnyDatabase", "dbAdminAnyDatabase"];
if (admin.getUser("portico") === null) {
  admin.createUser({ user: "portico", pwd: process.env.PORTICO_MONGO_PASSWORD, roles });
} else {
  admin.updateUser("portico", { pwd: process.env.PORTICO_MONGO_PASSWORD, roles });
}
