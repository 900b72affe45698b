//! What the pages say, in every language they speak.

use model::language::Language;
use model::role::Role;
use model::state::ProcessState;

/// Everything the pages say in a language.
pub const fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::Chinese => &CHINESE,
    }
}

macro_rules! words {
    ($($name:ident: $english:literal, $chinese:literal;)*) => {
        /// What the pages say.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "each is what its English says")]
        pub struct Words {
            $(pub $name: &'static str,)*
        }

        static ENGLISH: Words = Words { $($name: $english,)* };
        static CHINESE: Words = Words { $($name: $chinese,)* };
    };
}

words! {
    is_stopped: "stopped", "已停止";
    is_starting: "starting", "启动中";
    is_running: "running", "运行中";
    is_backing_off: "backoff", "重试中";
    is_stopping: "stopping", "停止中";
    is_exited: "exited", "已退出";
    is_fatal: "fatal", "已放弃";
    is_unknown: "unknown", "未知";
    skip: "Skip to content", "跳到正文";
    overview: "Overview", "概览";
    events: "Events", "事件";
    machine: "Machine", "本机";
    listeners: "Listeners", "监听器";
    configuration: "Configuration", "配置";
    live: "Live", "实时";
    language: "Language", "语言";
    theme: "Appearance", "外观";
    theme_system: "As the system", "跟随系统";
    theme_light: "Light", "浅色";
    theme_dark: "Dark", "深色";
    display: "Display", "显示";
    log_out: "Log out", "退出登录";
    running: "Running", "运行中";
    trouble: "Trouble", "异常";
    changing: "Changing", "切换中";
    stopped: "Stopped", "已停止";
    all: "All", "全部";
    search: "Search", "搜索";
    search_hint: "Name or description", "名称或描述";
    group: "Group", "分组";
    every_group: "Every group", "所有分组";
    sort: "Sort by", "排序";
    sort_name: "Name", "名称";
    sort_state: "State", "状态";
    sort_cpu: "CPU", "CPU";
    sort_memory: "Memory", "内存";
    sort_uptime: "Uptime", "运行时长";
    sort_restarts: "Restarts", "重启次数";
    apply: "Apply", "应用";
    state: "State", "状态";
    name: "Name", "名称";
    cpu: "CPU", "CPU";
    memory: "Memory", "内存";
    up_for: "Up for", "已运行";
    restarts: "Restarts", "重启";
    pid: "PID", "PID";
    actions: "Actions", "操作";
    start: "Start", "启动";
    stop: "Stop", "停止";
    restart: "Restart", "重启";
    signal: "Signal", "信号";
    send: "Send", "发送";
    clear_log: "Clear logs", "清空日志";
    select: "Select", "选择";
    select_all: "Select all shown", "选择所有显示项";
    selected: "With the selected:", "对所选：";
    of: "of", "/";
    nothing_here: "No programs to manage", "没有要管理的程序";
    nothing_here_how: "Add a [program:name] section to the configuration, then apply it on the Configuration page.",
        "在配置文件中添加 [program:name] 段，然后在“配置”页应用。";
    no_match: "Nothing matches", "没有匹配项";
    no_match_how: "No process has all of these properties.", "没有符合全部条件的进程。";
    show_all: "Show all", "显示全部";
    plan_title: "Configuration", "配置";
    plan_hint: "What an update would do, read from the files just now. Nothing has happened yet.",
        "刚刚从文件读取：更新将会做什么。目前尚未执行任何操作。";
    plan_none: "Everything is as the files say", "一切与配置文件一致";
    plan_none_how: "There is nothing to update.", "没有需要更新的内容。";
    plan_wrong: "The files cannot be used", "配置文件不可用";
    plan_wrong_how: "Nothing changes until this is mended.", "修正之前不会有任何变化。";
    plan_apply: "Update now", "立即更新";
    plan_again: "Read again", "重新读取";
    added: "Added", "新增";
    removed: "Removed", "移除";
    restarted: "Restarted", "重启";
    changed: "Changed in place", "就地更改";
    charts: "Charts", "图表";
    time_span: "Time span", "时间范围";
    no_history: "These charts begin when the page is opened. With history_file in [supervisord] they reach back a month.",
        "图表从打开页面时开始。在 [supervisord] 中设置 history_file 后可回溯一个月。";
    disks: "Disks", "磁盘";
    disk: "Disk", "磁盘";
    reads: "Reads", "读取";
    writes: "Writes", "写入";
    busy: "Busy", "繁忙";
    networks: "Networks", "网络";
    interface: "Interface", "接口";
    received: "In", "接收";
    sent: "Out", "发送";
    in_all: "In all", "累计";
    kind: "Kind", "类型";
    everything: "Everything", "全部";
    kind_exit: "Exits", "退出";
    kind_state: "Starts and states", "启动与状态";
    kind_action: "Orders", "操作";
    kind_config: "Configuration", "配置";
    kind_supervisor: "Supervisor", "监管程序";
    hour: "Hour", "小时";
    day: "Day", "天";
    month: "Month", "月";
    no_script_events: "Events need JavaScript; the log of the supervisor has them too.", "事件需要 JavaScript；监管程序的日志里也有。";
    processors: "Processors", "处理器";
    no_script_charts: "Charts and live logs need JavaScript.", "图表和实时日志需要 JavaScript。";
    log: "Log", "日志";
    stdout: "Output", "标准输出";
    stderr: "Errors", "标准错误";
    download: "Download", "下载";
    no_log: "This stream has no log file", "此流没有日志文件";
    nothing_written: "Nothing has been written yet.", "尚未写入任何内容。";
    no_log_how: "Its configuration says NONE, or sends it elsewhere.", "配置为 NONE，或被送往别处。";
    last_end: "last end:", "上次结束：";
    joined: "Errors go to the output of this process.", "此进程的标准错误并入标准输出。";
    exits: "Recent exits", "最近退出";
    no_exits: "It has not ended since the supervisor began", "自监管程序启动以来未曾退出";
    environment: "Environment", "环境变量";
    environment_hint: "What the configuration adds to the environment of the supervisor. Values that look like secrets never leave the machine.",
        "配置在监管程序环境之上添加的变量。看似机密的值不会离开本机。";
    no_environment: "The configuration sets no variables", "配置未设置变量";
    hidden: "hidden", "已隐藏";
    written_at: "Written at", "定义于";
    value: "Value", "值";
    option: "Option", "选项";
    pool: "Pool", "监听池";
    waiting: "Waiting", "等待";
    dropped: "Dropped", "丢弃";
    subscribed: "Events", "事件";
    members: "Processes", "进程";
    no_listeners: "No event listeners", "没有事件监听器";
    no_listeners_how: "An [eventlistener:name] section makes one.", "用 [eventlistener:name] 段添加。";
    no_events: "Nothing has happened yet", "尚无事件";
    no_events_how: "Starts, exits and what people did appear here as they happen.", "启动、退出与人工操作会即时显示在这里。";
    load: "Load", "负载";
    swap: "Swap", "交换区";
    threads: "Threads", "线程";
    descriptors: "Descriptors", "描述符";
    not_found: "No such process", "没有这个进程";
    not_found_how: "It may have been removed from the configuration.", "它可能已从配置中移除。";
    refused: "Not done", "未执行";
    stale: "This form is not one of ours, or is too old. Load the page again and try once more.",
        "此表单无效或已过期。请刷新页面后重试。";
    none_selected: "Nothing was selected.", "未选择任何进程。";
    nothing_to_do: "There was nothing to do.", "无需操作。";
    under_way: "Under way.", "正在进行。";
    processes: "{} processes", "{} 个进程";
    did_start: "Started {}.", "已启动 {}。";
    did_stop: "Stopped {}.", "已停止 {}。";
    did_restart: "Restarted {}.", "已重启 {}。";
    did_clear: "Cleared the logs of {}.", "已清空 {} 的日志。";
    did_signal: "Sent the signal to {}.", "已向 {} 发送信号。";
    did_update: "Updated {}.", "已更新 {}。";
    login: "Log in", "登录";
    username: "User", "用户名";
    password: "Password", "密码";
    comma: ", ", "，";
    not_started: "Not started", "未启动";
    too_quick: "Exited too quickly (process log may have details)", "退出过快（进程日志中可能有详情）";
    login_failed: "That is not the right user and password.", "用户名或密码不正确。";
    login_later: "Too many tries. Wait a little.", "尝试次数过多，请稍候。";
    viewer: "may look", "可查看";
    operator: "may start and stop", "可启停";
    admin: "may do everything", "可执行一切操作";
}

impl Words {
    /// What a role means.
    pub(crate) const fn role(&self, role: Role) -> &'static str {
        match role {
            Role::Viewer => self.viewer,
            Role::Operator => self.operator,
            Role::Admin => self.admin,
        }
    }

    /// What the original says of a process, where that is always the same.
    pub(crate) fn description<'a>(&self, said: &'a str) -> &'a str {
        let known = [self.not_started, self.too_quick];
        [ENGLISH.not_started, ENGLISH.too_quick]
            .iter()
            .zip(known)
            .find(|it| *it.0 == said)
            .map_or(said, |it| it.1)
    }

    /// The word for a state.
    pub const fn state(&self, state: ProcessState) -> &'static str {
        match state {
            ProcessState::Stopped => self.is_stopped,
            ProcessState::Starting => self.is_starting,
            ProcessState::Running => self.is_running,
            ProcessState::Backoff => self.is_backing_off,
            ProcessState::Stopping => self.is_stopping,
            ProcessState::Exited => self.is_exited,
            ProcessState::Fatal => self.is_fatal,
            ProcessState::Unknown => self.is_unknown,
        }
    }
}
