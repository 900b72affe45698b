// What only a script says; the rest is in the page already. English stands for itself.
const CHINESE = {
  "stopped": "已停止", "starting": "启动中", "running": "运行中", "backoff": "重试中",
  "stopping": "停止中", "exited": "已退出", "fatal": "已放弃", "unknown": "未知",
  "Live": "实时", "Reconnecting": "重新连接中", "Paused": "已暂停",
  "Cancel": "取消", "Close": "关闭",
  "Stop {}?": "停止 {}？", "Restart {}?": "重启 {}？", "Send {} to {}?": "向 {} 发送 {}？",
  "Stop": "停止", "Restart": "重启", "Send": "发送",
  "{} processes": "{} 个进程", "{} selected": "已选 {} 个",
  "Nobody answers. The supervisor may be restarting.": "无响应，监管程序可能正在重启。",
  "Follow": "跟随", "Wrap": "换行", "Download": "下载", "Find in log": "在日志中查找",
  "Previous match": "上一个匹配", "Next match": "下一个匹配", "Log": "日志",
  "{} more characters in this line": "此行还有 {} 个字符", "The log was emptied.": "日志已被清空。",
  "CPU": "CPU", "Memory": "内存", "Proportional": "按比例", "Threads": "线程", "Descriptors": "描述符",
  "Disk reads": "磁盘读取", "Disk writes": "磁盘写入", "Load": "负载", "Swap": "交换区", "States": "状态",
  "Network in": "网络接收", "Network out": "网络发送",
  "No data yet": "暂无数据", "Shortcuts": "快捷键", "Search": "搜索", "Next and previous row": "上一行和下一行",
  "Open": "打开", "Select": "选择", "Start or restart": "启动或重启", "This list": "此列表",
  "retry in {}": "{} 后重试", "restart in {}": "{} 后重启", "kill in {}": "{} 后强制结束",
  "last end: {}": "上次结束：{}", "Nothing has been written yet.": "尚未写入任何内容。",
  "Peak": "峰值", "Last lines": "最后几行", "memory had run out": "内存耗尽",
  "expected": "符合预期", "unexpected": "非预期", "too early": "启动后过早", "killed": "未能停止而被强制结束",
  "group added": "分组已添加", "group removed": "分组已移除", "supervisor": "监管程序",
  "exit status {}": "退出码 {}", "exit status unknown": "退出码不明", "terminated by {}": "被 {} 终止",
  "terminated by {} (core dumped)": "被 {} 终止（已转储核心）",
  "Not started": "未启动", "Exited too quickly (process log may have details)": "退出过快（进程日志中可能有详情）",
  "it has begun": "已启动", "it has begun, and found programs that run on": "已启动，并找到仍在运行的程序",
  "the daemon was replaced after its death; the programs run on": "守护进程异常结束后已被替换，程序继续运行",
  "another daemon has taken over; the programs run on": "另一守护进程已接管，程序继续运行",
  "its options have changed, and it runs on": "选项已变更，继续运行",
  "message from a client": "客户端消息", "message from the program": "程序消息",
};
const isChinese = document.documentElement.lang.startsWith("zh");

/** The words in the reader's language, with each {} replaced in turn. */
function say(english, ...values) {
  const text = (isChinese && CHINESE[english]) || english;
  return values.reduce((text, value) => text.replace("{}", value), text);
}
